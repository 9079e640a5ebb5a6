"""What mail means, without any connection: references, status codes and reports of delivery."""
