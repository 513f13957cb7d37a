"""What each field contributes to a prediction: computed exactly or by sampling, and written."""
