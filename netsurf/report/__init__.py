"""Tables, figures and documents made from results; runs nothing."""
