package desk

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/lotsiya/lotsiya/web"
)

var (
	helpPage          = web.MustPage[struct{}](pages, "pages/help.html")
	resultsHelpPage   = web.MustPage[struct{}](pages, "pages/results_help.html")
	privacyPage       = web.MustPage[struct{}](pages, "pages/privacy.html")
	accessibilityPage = web.MustPage[struct{}](pages, "pages/accessibility.html")
)

// about serves a page of words, open to everybody.
func about(title string, page web.Page[struct{}]) func(*gin.Context) error {
	return func(c *gin.Context) error {
		return page.Render(c, http.StatusOK, web.Head{Title: title, Class: "participant", Main: "page page-read"}, struct{}{})
	}
}
