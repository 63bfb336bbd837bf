"""What a person does, one module each; use cases never import each other."""
