"""Who may do what: keys with scopes, and the origins of pages."""
