ALTER TABLE "deliveries" ADD COLUMN "message" jsonb;--> statement-breakpoint
ALTER TABLE "deliveries" ADD COLUMN "acknowledged" text[];--> statement-breakpoint
ALTER TABLE "event_receivers" ADD COLUMN "client_id" uuid;--> statement-breakpoint
ALTER TABLE "event_receivers" ADD COLUMN "is_held" boolean DEFAULT false NOT NULL;