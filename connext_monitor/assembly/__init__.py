"""Parts of the composition root: what joins the rooms, which do not know each other."""
