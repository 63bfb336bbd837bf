"""Parts of a case's screen: one module a pane."""
