"""What experiments found: statistics on arrays, and what they are fed with."""
