CREATE TABLE "superseded_tokens" (
	"session_id" uuid NOT NULL,
	"generation" integer NOT NULL,
	"told_at" timestamp with time zone NOT NULL,
	CONSTRAINT "superseded_tokens_session_id_generation_pk" PRIMARY KEY("session_id","generation")
);
--> statement-breakpoint
ALTER TABLE "refresh_tokens" ADD COLUMN "previous_mark" integer;--> statement-breakpoint
ALTER TABLE "refresh_tokens" ADD COLUMN "previous_mark_generation" integer;--> statement-breakpoint
ALTER TABLE "superseded_tokens" ADD CONSTRAINT "superseded_tokens_session_id_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."sessions"("id") ON DELETE cascade ON UPDATE no action;