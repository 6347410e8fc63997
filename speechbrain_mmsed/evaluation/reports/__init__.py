"""Reports: tables, pictures and pages."""
