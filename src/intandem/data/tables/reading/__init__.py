"""From files and frames to raw tables: values as the firm wrote them. What they mean is in `values`."""
