"""A file for each verb, called like it; imported when the verb is called (``app.COMMANDS``)."""
