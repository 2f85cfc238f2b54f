"""Adapters of pipelines that are developed beside the harness."""
