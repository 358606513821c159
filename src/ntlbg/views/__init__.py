"""What people look at: reports, plots, progress."""
