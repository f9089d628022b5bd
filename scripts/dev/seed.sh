# shellcheck shell=sh
# The demo catalog and customer, through the public API: harmless to run again.

# Fixed, so that the README's curl works on every machine.
DEMO_CUSTOMER=0190a000-0000-7000-8000-000000000001

# SKU, price in cents, pieces on stock, name
seed_products() {
	cat <<'TEXT'
TEA-100   590  1000000  Green tea, 100 g
TEA-250   1290 1000000  Green tea, 250 g
POT-001   3900 1000000  Teapot, cast iron
MUG-001   1250 1000000  Mug, stoneware
SOLD-OUT  9900 0        Oolong of the year: sold out
TEXT
}

# Goods are received once: each receipt adds to the stock.
seed_product() {
	api PUT "/products/$1" \
		"{\"name\":\"$4\",\"price_minor\":$2,\"currency\":\"EUR\"}"
	case $api_status in
	200 | 201) ;;
	*) die "PUT /products/$1 answered $api_status: $api_body" ;;
	esac
	[ "$3" -gt 0 ] && [ ! -e "$RUN/seeded" ] || return 0
	api POST "/products/$1/receipts" "{\"quantity\":$3}"
	case $api_status in
	2*) ;;
	*) die "the receipt of $1 was answered $api_status: $api_body" ;;
	esac
}

seed() {
	[ ! -e "$RUN/seeded" ] || return 0
	say "seeding the demo catalog and a customer through the API"
	seed_products | while read -r sku price pieces name; do
		seed_product "$sku" "$price" "$pieces" "$name"
	done
	api GET "/customers/$DEMO_CUSTOMER"
	[ "$api_status" = 200 ] || api_must 201 POST /customers \
		"{\"customer_id\":\"$DEMO_CUSTOMER\",\"name\":\"Ada Example\",\"email\":\"ada@example.com\"}"
	: >"$RUN/seeded"
}
