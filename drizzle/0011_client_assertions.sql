CREATE TABLE "used_assertions" (
	"client_id" uuid NOT NULL,
	"id_hash" "bytea" NOT NULL,
	"content_hash" "bytea" NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "used_assertions_client_id_id_hash_pk" PRIMARY KEY("client_id","id_hash")
);
--> statement-breakpoint
ALTER TABLE "clients" ADD COLUMN "has_secret" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "clients" ADD COLUMN "assertion" jsonb;--> statement-breakpoint
CREATE INDEX "used_assertions_expires_at" ON "used_assertions" USING btree ("expires_at");