package auth

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"golang.org/x/crypto/bcrypt"
)

const passwordMinLength = 6

// hashPassword refuses a password that is too short, or too long for bcrypt (72 bytes).
func (s *server) hashPassword(password string) (string, error) {
	if len(password) < passwordMinLength {
		return "", &apiError{
			status:  http.StatusUnprocessableEntity,
			code:    "weak_password",
			message: "Password should be at least " + strconv.Itoa(passwordMinLength) + " characters.",
			reasons: []string{"length"},
		}
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), s.opts.PasswordCost)
	if errors.Is(err, bcrypt.ErrPasswordTooLong) {
		return "", refuse(http.StatusUnprocessableEntity, "validation_failed", "Password cannot be longer than 72 characters")
	}
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return string(hash), nil
}

// passwordMatches is false for a user without a password.
func passwordMatches(user *User, password string) bool {
	return user.passwordHash != "" && bcrypt.CompareHashAndPassword([]byte(user.passwordHash), []byte(password)) == nil
}
