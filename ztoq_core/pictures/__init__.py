"""Pictures in texts: their addresses, what may be fetched, and how they become attachments."""
