"""A recorded log, folded again by the same code: verified, drawn, shown step by step, exported."""
