"""How results look to a reader: tables, figures, pages."""
