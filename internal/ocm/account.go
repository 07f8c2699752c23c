package ocm

import (
	"context"
	"encoding/json"
	"net/http"
)

const base = "/api/accounts_mgmt/v1"

// Account is the owner of a credential.
type Account struct {
	// ID of the account in OCM, with which rotations are requested.
	ID string
	// Username and Email in OCM.
	Username, Email string
	// ServiceAccount is true for an account that is not a person's. A rotation would rotate its own pull secret.
	ServiceAccount bool
	// Banned accounts get nothing, for instance under an export hold.
	Banned bool
}

// CurrentAccount returns the owner of the credential or of the cluster's token (GET current_account).
func (c *Client) CurrentAccount(ctx context.Context) (Account, error) {
	call := call{
		doing:    "reading the current account",
		template: base + "/current_account", path: base + "/current_account",
		accept: []int{http.StatusOK},
	}
	got, failure := c.send(ctx, call)
	if failure != nil {
		return Account{}, failure
	}
	var body struct {
		ID             string `json:"id"`
		Username       string `json:"username"`
		Email          string `json:"email"`
		ServiceAccount bool   `json:"service_account"`
		Banned         bool   `json:"banned"`
	}
	if json.Unmarshal(got.body, &body) != nil || identifier(body.ID) == "" {
		return Account{}, malformed(call, got.status, "it is not an account with an id")
	}
	return Account{
		ID: body.ID, Username: shortName(body.Username), Email: shortName(body.Email),
		ServiceAccount: body.ServiceAccount, Banned: body.Banned,
	}, nil
}

// AccessToken is the account's pull secret (POST access_token), as OCM sends it: internal/pullsecret parses it. OCM creates what is missing and
// otherwise returns what exists, so the POST may be repeated. The bytes are secret.
func (c *Client) AccessToken(ctx context.Context) ([]byte, error) {
	got, failure := c.send(ctx, call{
		doing: "reading the pull secret", method: http.MethodPost,
		template: base + "/access_token", path: base + "/access_token",
		accept: []int{http.StatusOK},
	})
	if failure != nil {
		failure.ambiguous = false // repeating the request is harmless
		return nil, failure
	}
	return got.body, nil
}
