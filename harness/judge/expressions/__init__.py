"""Regular expressions that are matched in time proportional to the text, whatever they say."""
