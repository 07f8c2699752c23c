package ocm

import (
	"context"
	"encoding/json"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The publicly known statuses of a rotation; the API has a free string. Any other status means a rotation under way.
const (
	// RotationPending: requested. The new credentials may or may not have been issued; the old ones still work.
	RotationPending = "pending"
	// RotationCompleted: every cluster has switched, and the old credentials are deleted.
	RotationCompleted = "completed"
)

// Rotation of an account's pull secret.
type Rotation struct {
	ID, AccountID string
	// Status in lower case.
	Status string
	// CreatedAt by OCM's clock is never zero; UpdatedAt is zero if OCM does not say. Both are in UTC.
	CreatedAt, UpdatedAt time.Time
}

const (
	rotationsTemplate = base + "/accounts/{id}/pull_secret_rotation"
	rotationTemplate  = rotationsTemplate + "/{rotationId}"
)

// Rotations returns those of an account that OCM still lists, the newest first; none if OCM answers 204.
func (c *Client) Rotations(ctx context.Context, accountID string) ([]Rotation, error) {
	path, failure := rotationsPath(accountID)
	if failure != nil {
		return nil, failure
	}
	rotations, err := list(ctx, c, call{
		doing: "listing the rotations", template: rotationsTemplate, path: path,
		// A rotation that is requested while the pages are read comes last and moves no other. The API documentation says to order by the id, a
		// KSUID, which holds the time.
		query: []string{"orderBy", "id asc"},
	}, func(raw json.RawMessage) (Rotation, string, string) {
		rotation, problem := decodeRotation(raw)
		return rotation, rotation.ID, problem
	})
	slices.SortFunc(rotations, func(a, b Rotation) int {
		if c := b.CreatedAt.Compare(a.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(b.ID, a.ID)
	})
	return rotations, err
}

// Rotation reads one rotation; the error is an *Error of kind NotFound if OCM no longer has it.
func (c *Client) Rotation(ctx context.Context, accountID, id string) (Rotation, error) {
	path, failure := rotationsPath(accountID)
	if failure != nil {
		return Rotation{}, failure
	}
	if identifier(id) == "" {
		return Rotation{}, &Error{Kind: InvalidSpec, Message: "the id of a rotation cannot be part of a path"}
	}
	call := call{
		doing:    "reading the rotation",
		template: rotationTemplate, path: path + "/" + id,
		accept: []int{http.StatusOK},
	}
	return c.oneRotation(ctx, call)
}

// RequestRotation asks for a rotation of the account's pull secret, which affects every cluster of the account. It sends one POST and never
// repeats it. After an error for which Ambiguous is true the rotation may exist: list the rotations before anything else.
func (c *Client) RequestRotation(ctx context.Context, accountID string) (Rotation, error) {
	path, failure := rotationsPath(accountID)
	if failure != nil {
		return Rotation{}, failure
	}
	return c.oneRotation(ctx, call{
		doing: "requesting a rotation", method: http.MethodPost,
		template: rotationsTemplate, path: path, body: []byte("{}"),
		accept: []int{http.StatusCreated, http.StatusOK},
	})
}

func (c *Client) oneRotation(ctx context.Context, call call) (Rotation, error) {
	got, failure := c.send(ctx, call)
	if failure != nil {
		return Rotation{}, failure
	}
	rotation, problem := decodeRotation(got.body)
	if problem != "" {
		return Rotation{}, malformed(call, got.status, problem)
	}
	return rotation, nil
}

// rotationsPath refuses an id that would change the path.
func rotationsPath(accountID string) (string, *Error) {
	if identifier(accountID) == "" {
		return "", &Error{Kind: InvalidSpec, Message: "the id of the account cannot be part of a path"}
	}
	return base + "/accounts/" + accountID + "/pull_secret_rotation", nil
}

func decodeRotation(raw []byte) (rotation Rotation, problem string) {
	var body struct {
		ID        string     `json:"id"`
		AccountID string     `json:"account_id"`
		Status    string     `json:"status"`
		CreatedAt *time.Time `json:"created_at"`
		UpdatedAt *time.Time `json:"updated_at"`
	}
	switch {
	case json.Unmarshal(raw, &body) != nil:
		return Rotation{}, "it is not a rotation"
	case identifier(body.ID) == "":
		return Rotation{}, "a rotation has no id"
	}
	created, ok := createdAt(body.ID, body.CreatedAt, body.UpdatedAt)
	if !ok {
		return Rotation{}, "a rotation has neither created_at nor an id that holds its time" // nobody could tell what it satisfies
	}
	return Rotation{
		ID: body.ID, AccountID: identifier(body.AccountID), Status: statusOf(body.Status),
		CreatedAt: created, UpdatedAt: timeOf(body.UpdatedAt),
	}, ""
}

// createdAt is when a rotation was created: created_at, which the API does not require, or else the time in its id.
func createdAt(id string, created, updated *time.Time) (time.Time, bool) {
	if created != nil && !created.IsZero() {
		return timeOf(created), true
	}
	if at, ok := ksuidTime(id); ok {
		return at, true
	}
	return timeOf(updated), updated != nil && !updated.IsZero()
}

const (
	ksuidLength = 27
	// ksuidEpoch is the start of the timestamps of KSUIDs: 2014-05-13T16:53:20Z. Source: github.com/segmentio/ksuid.
	ksuidEpoch = 1_400_000_000
	base62     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// ksuidTime reads a KSUID's time of creation in seconds: the first 4 of its 20 bytes.
func ksuidTime(id string) (time.Time, bool) {
	if len(id) != ksuidLength {
		return time.Time{}, false
	}
	n := new(big.Int)
	for _, c := range []byte(id) {
		digit := strings.IndexByte(base62, c)
		if digit < 0 {
			return time.Time{}, false
		}
		n.Add(n.Mul(n, big.NewInt(62)), big.NewInt(int64(digit)))
	}
	seconds := n.Rsh(n, 16*8)
	if seconds.BitLen() > 32 {
		return time.Time{}, false
	}
	return time.Unix(ksuidEpoch+seconds.Int64(), 0).UTC(), true
}
