"""What a new gateway needs: its configuration with comments, and the lines for the servers around it."""
