-- Schedules by the words of cron, and what becomes of times that passed while nobody looked.

-- Five fields and a time zone; NULL where tasks are simply so far apart.
ALTER TABLE crew_schedules ADD COLUMN cron TEXT;
ALTER TABLE crew_schedules ADD COLUMN missed TEXT NOT NULL DEFAULT 'once' CHECK(missed IN ('once', 'skip'));
