-- Each attempt to sign in is counted in its user's row: with room in the page that is an update in place.
ALTER TABLE "users" SET (fillfactor = 90);
