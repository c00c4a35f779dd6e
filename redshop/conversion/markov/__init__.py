"""Attribution by removal: what would have been lost, had a group not been there."""
