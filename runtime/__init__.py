"""What every process stands on: settings from the environment, the ClickHouse client, logs, the ops port."""
