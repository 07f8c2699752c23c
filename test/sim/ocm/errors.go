package ocm

import (
	"fmt"
	"net/http"

	"github.com/openshift/credential-rotation-operator/test/sim/simctl"
)

// apiError is an Error of the contract, an ObjectReference with code, reason and operation id. The numbers are those that
// public issues show (11) and those of Red Hat's public service template, which the service's errors share.
type apiError struct {
	status      int
	ID          string `json:"id"`
	Kind        string `json:"kind"`
	Href        string `json:"href"`
	Code        string `json:"code"`
	Reason      string `json:"reason"`
	OperationID string `json:"operation_id"`
}

func newError(status, number int, format string, args ...any) *apiError {
	return &apiError{
		status: status, ID: fmt.Sprint(number), Kind: "Error",
		Href: fmt.Sprintf("/api/accounts_mgmt/v1/errors/%d", number), Code: fmt.Sprintf("ACCT-MGMT-%d", number),
		Reason: fmt.Sprintf(format, args...), OperationID: newUUID(),
	}
}

// unauthenticated is the response to a missing, dead or expired credential.
func unauthenticated() *apiError {
	return newError(http.StatusUnauthorized, 15, "Account authentication could not be verified")
}

// denied is the refusal of another account's resource, word for word as openshift-online/ocm-cli#477 shows it.
func denied(accountID, action, resource string, r *http.Request) *apiError {
	return newError(http.StatusForbidden, 11, "Account with ID %s denied access to perform %s on %s with HTTP call %s %s",
		accountID, action, resource, r.Method, r.URL.Path)
}

func notFound(resource, id string) *apiError {
	return newError(http.StatusNotFound, 7, "%s with id='%s' not found", resource, id)
}

func writeError(w http.ResponseWriter, e *apiError) { simctl.WriteJSON(w, e.status, alphabetic(e)) }
