"""What the patches put into RecBole: each function is named in a row of the table."""
