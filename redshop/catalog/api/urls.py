"""The catalogue's addresses, below /api/v1/."""

from django.urls import path

from redshop.catalog.api import views

urlpatterns = [
    path("products", views.ProductsView.as_view(), name="products"),
    path("products/<int:pk>", views.ProductView.as_view(), name="product"),
    path("brands", views.BrandsView.as_view(), name="brands"),
    path("brands/<int:pk>", views.BrandView.as_view(), name="brand"),
    path("categories", views.CategoriesView.as_view(), name="categories"),
    path("media", views.MediaView.as_view(), name="media"),
]
