"""ztoq moves a test team's history between test management products and proves that it arrived."""
