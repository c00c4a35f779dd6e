"""What replications of a scenario come to together: intervals, differences, a document, a page."""
