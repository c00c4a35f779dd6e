"""Addresses of the orders, below /api/v1."""

from django.urls import path

from orders.api import link_outs, payments, returns, views

urlpatterns = [
    path("cart", views.CartView.as_view()),
    path("cart/items/<int:sku_id>", views.CartItemView.as_view()),
    path("checkout/quote", views.QuoteView.as_view()),
    path("checkout", views.CheckoutView.as_view()),
    path("orders", views.OrdersView.as_view()),
    path("orders/<uuid:order_id>", views.OrderView.as_view()),
    path("orders/<uuid:order_id>/cancel", views.CancelView.as_view()),
    path("orders/<uuid:order_id>/payments", payments.PaymentsView.as_view()),
    path("webhooks/payments/<slug:provider>", payments.PaymentWebhookView.as_view()),
    path("orders/<uuid:order_id>/returns", returns.OrderReturnsView.as_view()),
    path("returns", returns.ReturnsView.as_view()),
    path("returns/<uuid:return_id>", returns.ReturnView.as_view()),
    path("returns/<uuid:return_id>/cancel", returns.CancelReturnView.as_view()),
    path("link-outs", link_outs.LinkOutsView.as_view()),
    path("webhooks/link-outs", link_outs.LinkOutReportsView.as_view()),
]
