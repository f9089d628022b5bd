/* Who may do what: the roles that a token can give, as bits. */
#ifndef WB_AUTH_ROLE_H
#define WB_AUTH_ROLE_H

/* CUSTOMER  orders, and sees and cancels own orders only
 * CATALOG   changes products and receives goods
 * OPERATOR  everything, on behalf of anybody */
#define WB_ROLE_TABLE(X)                                                       \
	X(CUSTOMER, 1u, "customer")                                            \
	X(CATALOG, 2u, "catalog")                                              \
	X(OPERATOR, 4u, "operator")

enum wb_role {
#define X(name, bit, text) WB_ROLE_##name = bit,
	WB_ROLE_TABLE(X)
#undef X
	/* Of a route, never of a token: no token is needed. */
	WB_ROLE_ANYONE = 8u,
};

/* Of routes: what concerns one customer, and what concerns the catalog. */
#define WB_FOR_CUSTOMERS (WB_ROLE_CUSTOMER | WB_ROLE_OPERATOR)
#define WB_FOR_CATALOG   (WB_ROLE_CATALOG | WB_ROLE_OPERATOR)

#endif
