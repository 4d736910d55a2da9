"""What people do: one function a verb, in the words of the product. Knows no web."""
