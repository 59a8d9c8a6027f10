"""What a request tells of its visitor: device, language, place, person or machine. Pure but for the geo reader."""
