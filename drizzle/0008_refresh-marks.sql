ALTER TABLE "refresh_tokens" ADD COLUMN "previous_mark" integer;--> statement-breakpoint
ALTER TABLE "refresh_tokens" ADD COLUMN "superseded_generation" integer;--> statement-breakpoint
ALTER TABLE "refresh_tokens" ADD COLUMN "superseded_at" timestamp with time zone;