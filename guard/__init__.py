"""The adapter between the harness and ``ptycho``: what any repository has that guards a pipeline of its own."""
