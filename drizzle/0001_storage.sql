-- Room in each page for the next version of a row, so that a rotation is a HOT update: no index entry, no growth.
ALTER TABLE "refresh_tokens" SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.05);
--> statement-breakpoint
INSERT INTO "realm" ("id") VALUES (true) ON CONFLICT DO NOTHING;
