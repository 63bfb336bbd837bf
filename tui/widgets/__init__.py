"""Parts of screens: each one thing that is shown or typed."""
