"""The steps of sealing a case, one module each; the screen around them is `tui.screens.seal`."""
