CREATE TABLE "verifiers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"client_id" uuid,
	"name" text NOT NULL,
	"instance" text NOT NULL,
	"connection_id" uuid,
	"server_start" text NOT NULL,
	"max_staleness_seconds" integer NOT NULL,
	"connected_at" timestamp with time zone NOT NULL,
	"disconnected_at" timestamp with time zone,
	"live_until" timestamp with time zone NOT NULL,
	"confirmed" "pg_snapshot",
	"confirmed_server_start" text,
	"confirmed_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "verifiers" ADD CONSTRAINT "verifiers_client_id_clients_id_fk" FOREIGN KEY ("client_id") REFERENCES "public"."clients"("id") ON DELETE set null ON UPDATE no action;
--> statement-breakpoint
ALTER TABLE "verifiers" SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
