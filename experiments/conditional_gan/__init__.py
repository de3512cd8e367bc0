"""A class-conditional GAN, trained and measured."""
