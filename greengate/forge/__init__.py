"""GitHub and GitLab: the verdict is told there, and reviews are asked for; nothing here changes a verdict."""
