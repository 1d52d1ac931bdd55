// The page that plays comes here.
