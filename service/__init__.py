"""The service: HTTP API, command line, run store, executor, settings."""
