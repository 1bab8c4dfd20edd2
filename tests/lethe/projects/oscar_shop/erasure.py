"""What becomes of a customer of the shop.

Written by ``manage.py lethe init``, then read and confirmed by hand: what was sold stays by its title, and what a
partner is called is nobody's name.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from oscar.apps.address.models import UserAddress
from oscar.apps.analytics.models import UserProductView, UserRecord, UserSearch
from oscar.apps.basket.models import (
    Basket,
)
from oscar.apps.basket.models import (
    Line as BasketLine,
)
from oscar.apps.basket.models import (
    LineAttribute as BasketLineAttribute,
)
from oscar.apps.catalogue.models import ProductAttributeValue
from oscar.apps.catalogue.reviews.models import ProductReview, Vote
from oscar.apps.communication.models import Email, Notification
from oscar.apps.customer.models import ProductAlert
from oscar.apps.offer.models import RangeProductFileUpload
from oscar.apps.order.abstract_models import PaymentEventQuantity
from oscar.apps.order.models import (
    BillingAddress,
    CommunicationEvent,
    LinePrice,
    Order,
    OrderDiscount,
    OrderLineDiscount,
    OrderNote,
    OrderStatusChange,
    PaymentEvent,
    ShippingAddress,
    ShippingEvent,
    ShippingEventQuantity,
    Surcharge,
)
from oscar.apps.order.models import (
    Line as OrderLine,
)
from oscar.apps.order.models import (
    LineAttribute as OrderLineAttribute,
)
from oscar.apps.partner.models import Partner
from oscar.apps.payment.models import Bankcard, Source, Transaction
from oscar.apps.voucher.models import VoucherApplication
from oscar.apps.wishlists.models import (
    Line as WishlistsLine,
)
from oscar.apps.wishlists.models import (
    WishList,
    WishListSharedEmail,
)

from lethe import (
    Policy,
    RandomEmail,
    UnusablePassword,
    by_value,
    delete_rows,
    keep_rows,
    not_personal,
    register,
)
from lethe.contrib import admin, sessions

admin.install()
sessions.install()


@register(UserAddress)
class UserAddressPolicy(Policy):
    """User addresses are the person's own, and nothing adds up by them."""

    path = "user"
    rows = delete_rows()
    secrets = ("hash",)


@register(UserProductView)
class UserProductViewPolicy(Policy):
    """User product views are the person's own, and nothing adds up by them."""

    path = "user"
    rows = delete_rows()


@register(UserRecord)
class UserRecordPolicy(Policy):
    """User records hold amounts, which have to add up."""

    path = "user"
    rows = keep_rows("user records are counted, and say nothing of anyone")
    keep = {
        # a number, a date or a key, by its type
        "num_product_views": "user records are counted by it",
        "num_basket_additions": "user records are counted by it",
        "num_orders": "user records are counted by it",
        "num_order_lines": "user records are counted by it",
        "num_order_items": "user records are counted by it",
        "total_spent": "user records are counted by it",
        "date_last_order": "user records are counted by it",
    }


@register(UserSearch)
class UserSearchPolicy(Policy):
    """User search queries are the person's own, and nothing adds up by them."""

    path = "user"
    rows = delete_rows()


@register(User)
class UserPolicy(Policy):
    """The record stays, the person does not."""

    subject = True
    clear = (
        # by its name (name)
        "last_name",
        # when somebody was last here
        "last_login",
    )
    replace = {
        # a name; it says that somebody was here
        "first_name": "[deleted]",
        # a password, by its name
        "password": UnusablePassword(),
        # an e-mail address; a random one stays unique
        "email": RandomEmail(),
        # by its name (username)
        "username": RandomEmail(),
        # nobody signs in with it any more
        "is_superuser": False,
        "is_staff": False,
        "is_active": False,
    }
    keep = {
        # a number, a date or a key, by its type
        "date_joined": "users are counted by it",
    }
    secrets = ("password",)


@register(User.groups.through)
class UserGroupsPolicy(Policy):
    """Who is tied to whom, and nothing adds up by them."""

    path = "user"
    rows = delete_rows()


@register(User.user_permissions.through)
class UserUserPermissionsPolicy(Policy):
    """Who is tied to whom, and nothing adds up by them."""

    path = "user"
    rows = delete_rows()


@register(Basket)
class BasketPolicy(Policy):
    """Carts are the person's own, and nothing adds up by them."""

    path = "owner"
    rows = delete_rows()


@register(Basket.vouchers.through)
class BasketVouchersPolicy(Policy):
    """Who is tied to whom, and nothing adds up by them."""

    path = "basket__owner"
    rows = delete_rows()


@register(BasketLine)
class BasketLinePolicy(Policy):
    """Cart lines are the person's own, and nothing adds up by them."""

    path = "basket__owner"
    rows = delete_rows()


@register(BasketLineAttribute)
class BasketLineAttributePolicy(Policy):
    """Line attributes are the person's own, and nothing adds up by them."""

    path = "line__basket__owner"
    rows = delete_rows()


@register(ProductAttributeValue)
class ProductAttributeValuePolicy(Policy):
    """Product attribute values are about what the project offers, and about nobody."""

    rows = not_personal("product attribute values are about what the project offers, and about nobody")


@register(Email)
class EmailPolicy(Policy):
    """Emails are the person's own, and nothing adds up by them."""

    path = ("user", by_value("email", of="email"))
    rows = delete_rows()


@register(Notification)
class NotificationPolicy(Policy):
    """Notifications are the person's own, and nothing adds up by them."""

    path = ("recipient", "sender")
    rows = delete_rows()


@register(ProductAlert)
class ProductAlertPolicy(Policy):
    """Product alerts are the person's own, and nothing adds up by them."""

    path = ("user", by_value("email", of="email"))
    rows = delete_rows()


@register(RangeProductFileUpload)
class RangeProductFileUploadPolicy(Policy):
    """Range product uploaded files are somebody's work, which stays."""

    path = "uploaded_by"
    rows = keep_rows("range product uploaded files are counted, and say nothing of anyone")
    clear = (
        # text that somebody typed
        "filepath",
        "error_message",
    )
    keep = {
        # a number, a date or a key, by its type
        "size": "range product uploaded files are counted by it",
        "date_uploaded": "range product uploaded files are counted by it",
        "date_processed": "range product uploaded files are counted by it",
        "num_new_skus": "range product uploaded files are counted by it",
        "num_unknown_skus": "range product uploaded files are counted by it",
        "num_duplicate_skus": "range product uploaded files are counted by it",
        # a reference that leads to nobody
        "range": "range product uploaded files are counted by it",
        # one of a few values, by its type
        "upload_type": "range product uploaded files are counted by it",
        "status": "range product uploaded files are counted by it",
    }


@register(BillingAddress)
class BillingAddressPolicy(Policy):
    """Orders name somebody by them."""

    path = ("order__user", by_value("order__guest_email", of="email"))
    rows = keep_rows("billing addresses are counted, and say nothing of anyone")
    clear = (
        # by its name (line1)
        "line1",
        # by its name (line2)
        "line2",
        # by its name (line3)
        "line3",
        # by its name (line4)
        "line4",
        # by its name (name)
        "first_name",
        "last_name",
        # by its name (postcode)
        "postcode",
        # free text can name anyone
        "search_text",
        # text that somebody typed
        "state",
    )
    keep = {
        # a code or a number, by its name
        "code": "billing addresses are counted by it",
        # a reference that leads to nobody
        "country": "billing addresses are counted by it",
        # one of a few values, by its type
        "title": "billing addresses are counted by it",
    }


@register(CommunicationEvent)
class CommunicationEventPolicy(Policy):
    """Communication events are the person's own, and nothing adds up by them."""

    path = ("order__user", by_value("order__guest_email", of="email"))
    rows = delete_rows()


@register(OrderLine)
class OrderLinePolicy(Policy):
    """Order lines say what happened, by their name."""

    path = ("order__user", by_value("order__guest_email", of="email"))
    rows = keep_rows("order lines are counted, and say nothing of anyone")
    # Notes for the partner may quote the customer.
    clear = ("partner_line_notes",)
    keep = {
        # what was sold, and by whom
        "title": "order lines are counted by title",
        "partner_name": "order lines are counted by partner",
        "partner_line_reference": "a return to the partner is found by it",
        # a code or a number, by its name
        "partner_sku": "order lines are counted by it",
        "upc": "order lines are counted by it",
        "tax_code": "order lines are counted by it",
        "status": "order lines are counted by it",
        # a number, a date or a key, by its type
        "quantity": "order lines are counted by it",
        "line_price_incl_tax": "order lines are counted by it",
        "line_price_excl_tax": "order lines are counted by it",
        "line_price_before_discounts_incl_tax": "order lines are counted by it",
        "line_price_before_discounts_excl_tax": "order lines are counted by it",
        "unit_price_incl_tax": "order lines are counted by it",
        "unit_price_excl_tax": "order lines are counted by it",
        "num_allocated": "order lines are counted by it",
        # a reference that leads to nobody
        "partner": "order lines are counted by it",
        "stockrecord": "order lines are counted by it",
        "product": "order lines are counted by it",
        # one of a few values, by its type
        "allocation_cancelled": "order lines are counted by it",
    }


@register(OrderLineAttribute)
class OrderLineAttributePolicy(Policy):
    """Line attributes are the person's own, and nothing adds up by them."""

    path = ("line__order__user", by_value("line__order__guest_email", of="email"))
    rows = delete_rows()


@register(LinePrice)
class LinePricePolicy(Policy):
    """Line prices hold amounts, which have to add up."""

    path = (
        "order__user",
        by_value("order__guest_email", of="email"),
        "line__order__user",
        by_value("line__order__guest_email", of="email"),
    )
    rows = keep_rows("line prices are counted, and say nothing of anyone")
    keep = {
        # a code or a number, by its name
        "tax_code": "line prices are counted by it",
        # a number, a date or a key, by its type
        "quantity": "line prices are counted by it",
        "price_incl_tax": "line prices are counted by it",
        "price_excl_tax": "line prices are counted by it",
        "shipping_incl_tax": "line prices are counted by it",
        "shipping_excl_tax": "line prices are counted by it",
    }


@register(Order)
class OrderPolicy(Policy):
    """Orders say what happened, by their name."""

    path = ("user", by_value("guest_email", of="email"))
    rows = keep_rows("orders are counted, and say nothing of anyone")
    clear = (
        # an e-mail address
        "guest_email",
        # it names somebody, or a row that goes
        "basket",
    )
    keep = {
        # a code or a number, by its name
        "number": "orders are counted by it",
        "currency": "orders are counted by it",
        "shipping_tax_code": "orders are counted by it",
        "shipping_method": "orders are counted by it",
        "shipping_code": "orders are counted by it",
        "status": "orders are counted by it",
        # a number, a date or a key, by its type
        "total_incl_tax": "orders are counted by it",
        "total_excl_tax": "orders are counted by it",
        "shipping_incl_tax": "orders are counted by it",
        "shipping_excl_tax": "orders are counted by it",
        "date_placed": "orders are counted by it",
        # a reference that leads to nobody
        "site": "orders are counted by it",
        "billing_address": "orders are counted by it",
        "shipping_address": "orders are counted by it",
        # one of a few values, by its type
        "analytics_tracked": "orders are counted by it",
    }
    unlink = {
        "basket": (),
    }


@register(OrderDiscount)
class OrderDiscountPolicy(Policy):
    """Order discounts hold amounts, which have to add up."""

    path = ("order__user", by_value("order__guest_email", of="email"))
    rows = keep_rows("order discounts are counted, and say nothing of anyone")
    clear = (
        # by its name (name)
        "offer_name",
        # free text can name anyone
        "message",
    )
    keep = {
        # a code or a number, by its name
        "voucher_code": "order discounts are counted by it",
        # a number, a date or a key, by its type
        "offer_id": "order discounts are counted by it",
        "voucher_id": "order discounts are counted by it",
        "frequency": "order discounts are counted by it",
        "amount": "order discounts are counted by it",
        # one of a few values, by its type
        "category": "order discounts are counted by it",
    }


@register(OrderLineDiscount)
class OrderLineDiscountPolicy(Policy):
    """Order line discounts hold amounts, which have to add up."""

    path = (
        "line__order__user",
        by_value("line__order__guest_email", of="email"),
        "order_discount__order__user",
        by_value("order_discount__order__guest_email", of="email"),
    )
    rows = keep_rows("order line discounts are counted, and say nothing of anyone")
    keep = {
        # a number, a date or a key, by its type
        "amount": "order line discounts are counted by it",
        # one of a few values, by its type
        "is_incl_tax": "order line discounts are counted by it",
    }


@register(OrderNote)
class OrderNotePolicy(Policy):
    """Order notes are the person's own, and nothing adds up by them."""

    path = ("user", "order__user", by_value("order__guest_email", of="email"))
    rows = delete_rows()


@register(OrderStatusChange)
class OrderStatusChangePolicy(Policy):
    """Order status changes are the person's own, and nothing adds up by them."""

    path = ("order__user", by_value("order__guest_email", of="email"))
    rows = delete_rows()


@register(PaymentEvent)
class PaymentEventPolicy(Policy):
    """Payment events hold amounts, which have to add up."""

    path = ("order__user", by_value("order__guest_email", of="email"))
    rows = keep_rows("payment events are counted, and say nothing of anyone")
    clear = (
        # it names somebody, or a row that goes
        "shipping_event",
        # text that somebody typed
        "reference",
    )
    keep = {
        # a number, a date or a key, by its type
        "amount": "payment events are counted by it",
        "date_created": "payment events are counted by it",
        # a reference that leads to nobody
        "event_type": "payment events are counted by it",
    }
    unlink = {
        "shipping_event": (),
    }


@register(PaymentEventQuantity)
class PaymentEventQuantityPolicy(Policy):
    """Payment event quantities are the person's own, and nothing adds up by them."""

    path = (
        "event__order__user",
        by_value("event__order__guest_email", of="email"),
        "line__order__user",
        by_value("line__order__guest_email", of="email"),
    )
    rows = delete_rows()


@register(ShippingAddress)
class ShippingAddressPolicy(Policy):
    """Orders name somebody by them."""

    path = ("order__user", by_value("order__guest_email", of="email"))
    rows = keep_rows("shipping addresses are counted, and say nothing of anyone")
    clear = (
        # by its name (line1)
        "line1",
        # by its name (line2)
        "line2",
        # by its name (line3)
        "line3",
        # by its name (line4)
        "line4",
        # by its name (name)
        "first_name",
        "last_name",
        # by its name (phone)
        "phone_number",
        # by its name (postcode)
        "postcode",
        # free text can name anyone
        "search_text",
        "notes",
        # text that somebody typed
        "state",
    )
    keep = {
        # a code or a number, by its name
        "code": "shipping addresses are counted by it",
        # a reference that leads to nobody
        "country": "shipping addresses are counted by it",
        # one of a few values, by its type
        "title": "shipping addresses are counted by it",
    }


@register(ShippingEvent)
class ShippingEventPolicy(Policy):
    """Shipping events are the person's own, and nothing adds up by them."""

    path = ("order__user", by_value("order__guest_email", of="email"))
    rows = delete_rows()


@register(ShippingEventQuantity)
class ShippingEventQuantityPolicy(Policy):
    """Shipping event quantities are the person's own, and nothing adds up by them."""

    path = (
        "event__order__user",
        by_value("event__order__guest_email", of="email"),
        "line__order__user",
        by_value("line__order__guest_email", of="email"),
    )
    rows = delete_rows()


@register(Surcharge)
class SurchargePolicy(Policy):
    """Surcharges hold amounts, which have to add up."""

    path = ("order__user", by_value("order__guest_email", of="email"))
    rows = keep_rows("surcharges are counted, and say nothing of anyone")
    keep = {
        # what was charged for
        "name": "surcharges are counted by it",
        # a code or a number, by its name
        "code": "surcharges are counted by it",
        "tax_code": "surcharges are counted by it",
        # a number, a date or a key, by its type
        "incl_tax": "surcharges are counted by it",
        "excl_tax": "surcharges are counted by it",
    }


@register(Partner.users.through)
class PartnerUsersPolicy(Policy):
    """Who is tied to whom, and nothing adds up by them."""

    path = "user"
    rows = delete_rows()


@register(Bankcard)
class BankcardPolicy(Policy):
    """Bankcards are the person's own, and nothing adds up by them."""

    path = "user"
    rows = delete_rows()


@register(Source)
class SourcePolicy(Policy):
    """Sources hold amounts, which have to add up."""

    path = ("order__user", by_value("order__guest_email", of="email"))
    rows = keep_rows("sources are counted, and say nothing of anyone")
    clear = (
        # text that somebody typed
        "reference",
        "label",
    )
    keep = {
        # a code or a number, by its name
        "currency": "sources are counted by it",
        # a number, a date or a key, by its type
        "amount_allocated": "sources are counted by it",
        "amount_debited": "sources are counted by it",
        "amount_refunded": "sources are counted by it",
        # a reference that leads to nobody
        "source_type": "sources are counted by it",
    }


@register(Transaction)
class TransactionPolicy(Policy):
    """Transactions say what happened, by their name."""

    path = ("source__order__user", by_value("source__order__guest_email", of="email"))
    rows = keep_rows("transactions are counted, and say nothing of anyone")
    clear = (
        # text that somebody typed
        "reference",
    )
    keep = {
        # a code or a number, by its name
        "txn_type": "transactions are counted by it",
        "status": "transactions are counted by it",
        # a number, a date or a key, by its type
        "amount": "transactions are counted by it",
        "date_created": "transactions are counted by it",
    }


@register(ProductReview)
class ProductReviewPolicy(Policy):
    """Votes stay, and refer to them."""

    path = ("user", by_value("email", of="email"))
    rows = keep_rows("product reviews are counted, and say nothing of anyone")
    clear = (
        # an e-mail address
        "email",
        # by its name (name)
        "name",
        # free text can name anyone
        "body",
        # text that somebody typed
        "title",
        "homepage",
    )
    keep = {
        # a code or a number, by its name
        "code": "product reviews are counted by it",
        # a number, a date or a key, by its type
        "total_votes": "product reviews are counted by it",
        "delta_votes": "product reviews are counted by it",
        "date_created": "product reviews are counted by it",
        # a reference that leads to nobody
        "product": "product reviews are counted by it",
        # one of a few values, by its type
        "score": "product reviews are counted by it",
        "status": "product reviews are counted by it",
    }


@register(Vote)
class VotePolicy(Policy):
    """Votes say what happened, by their name."""

    path = "user"
    rows = keep_rows("votes are counted, and say nothing of anyone")
    keep = {
        # a number, a date or a key, by its type
        "date_created": "votes are counted by it",
        # a reference that leads to nobody
        "review": "votes are counted by it",
        # one of a few values, by its type
        "delta": "votes are counted by it",
    }


@register(VoucherApplication)
class VoucherApplicationPolicy(Policy):
    """Coupon applications are the person's own, and nothing adds up by them."""

    path = ("user", "order__user", by_value("order__guest_email", of="email"))
    rows = delete_rows()


@register(WishlistsLine)
class WishlistsLinePolicy(Policy):
    """Wish list lines are the person's own, and nothing adds up by them."""

    path = "wishlist__owner"
    rows = delete_rows()


@register(WishList)
class WishListPolicy(Policy):
    """Wish lists are the person's own, and nothing adds up by them."""

    path = "owner"
    rows = delete_rows()


@register(WishListSharedEmail)
class WishListSharedEmailPolicy(Policy):
    """Wish list shared emails are the person's own, and nothing adds up by them."""

    path = "wishlist__owner"
    rows = delete_rows()
