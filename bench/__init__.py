"""Load and latency of the service, beside its floor and its peers; see bench/README.md."""
