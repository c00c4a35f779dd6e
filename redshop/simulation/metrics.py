"""What is compared between the arms of a scenario, in words."""

from typing import Final

#: What each metric is, in words, in the order in which they are told.
METRICS: Final = {
    "exposures": "impressions of a person on a day on which they come",
    "open_rate": "notes opened of those that came onto a screen",
    "engagement_rate": "likes, saves, comments, shares and follows of impressions",
    "search_share": "requests that are searches",
    "orders": "orders paid, of a thousand people",
    "sales": "paid, of a thousand people, in minor units",
    "net_sales": "the same less what came back",
    "net_share": "net of paid",
    "sales_of_notes": "net sales that notes brought (the truth), of a thousand people",
    "sales_anyway": "net sales that would have been anyway (the truth), of a thousand people",
    "orders_in_7_days": "orders within 7 days of the first note about it, of a thousand people",
    "orders_in_30_days": "the same within 30 days",
    "brand_orders": "orders of the brand that spends, of a thousand people",
    "brand_net_sales": "net sales of the brand that spends, of a thousand people",
    "brand_return": "net sales of the brand less what it spent, of a thousand people",
    "platform_revenue": "what the platform earns, of a thousand people",
    "small_share": "impressions of people's notes that are of creators with few followers",
    "exposure_gini": "inequality of impressions over notes (Gini)",
    "top_percent_likes": "likes that the most liked percent of notes have",
    "notes_published": "notes, of a thousand people",
    "reviews": "notes about proven purchases, of a thousand people",
    "taken_down": "notes taken down for covert advertising, of a thousand people",
    "taken_down_wrongly": "those of them that nobody paid for",
    "lessons_so": "what insight told drafts of opening, and the world's truth says, too",
    "lessons_not_so": "what it told of opening and the truth does not say",
}
