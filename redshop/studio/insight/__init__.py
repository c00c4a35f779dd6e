"""Which attributes of content move what people do: effects, with what is not known."""
