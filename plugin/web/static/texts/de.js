// @ts-nocheck
// Made by `make texts` from locale/de: do not edit.
globalThis.soartTexts = {
"plurals": [1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
"texts": {
 "%(choices)s, %(share)s %% of the order is settled": "%(choices)s, %(share)s %% der Rangfolge stehen fest",
 "%(count)s choice": [
  "%(count)s Entscheidung",
  "%(count)s Entscheidungen"
 ],
 "%(count)s new picture": [
  "%(count)s neues Bild",
  "%(count)s neue Bilder"
 ],
 "%(count)s picture": [
  "%(count)s Bild",
  "%(count)s Bilder"
 ],
 "%(count)s picture added.": [
  "%(count)s Bild hinzugefügt.",
  "%(count)s Bilder hinzugefügt."
 ],
 "%(count)s picture copied to %(folder)s.": [
  "%(count)s Bild nach %(folder)s kopiert.",
  "%(count)s Bilder nach %(folder)s kopiert."
 ],
 "%(count)s picture is no longer a favourite.": [
  "%(count)s Bild ist kein Favorit mehr.",
  "%(count)s Bilder sind keine Favoriten mehr."
 ],
 "%(count)s picture is no longer in the collection: left out.": [
  "%(count)s Bild ist nicht mehr in der Sammlung: ausgelassen.",
  "%(count)s Bilder sind nicht mehr in der Sammlung: ausgelassen."
 ],
 "%(count)s picture marked as a favourite.": [
  "%(count)s Bild als Favorit markiert.",
  "%(count)s Bilder als Favoriten markiert."
 ],
 "%(count)s picture with %(label)s.": [
  "%(count)s Bild mit %(label)s.",
  "%(count)s Bilder mit %(label)s."
 ],
 "%(count)s picture without %(label)s.": [
  "%(count)s Bild ohne %(label)s.",
  "%(count)s Bilder ohne %(label)s."
 ],
 "%(count)s picture: %(rating)s.": [
  "%(count)s Bild: %(rating)s.",
  "%(count)s Bilder: %(rating)s."
 ],
 "%(count)s rating is kept in this browser and will be sent again in %(pause)s s.": [
  "%(count)s Bewertung bleibt in diesem Browser und wird in %(pause)s s noch einmal gesendet.",
  "%(count)s Bewertungen bleiben in diesem Browser und werden in %(pause)s s noch einmal gesendet."
 ],
 "%(count)s selected": [
  "%(count)s ausgewählt",
  "%(count)s ausgewählt"
 ],
 "%(count)s stack": [
  "%(count)s Stapel",
  "%(count)s Stapel"
 ],
 "%(done)s of %(count)s files read": "%(done)s von %(count)s Dateien gelesen",
 "%(done)s of %(count)s picture": [
  "%(done)s von %(count)s Bild",
  "%(done)s von %(count)s Bildern"
 ],
 "%(done)s of %(count)s picture is drawn.": [
  "%(done)s von %(count)s Bild ist generiert.",
  "%(done)s von %(count)s Bildern sind generiert."
 ],
 "%(done)s of %(count)s rated": "%(done)s von %(count)s bewertet",
 "%(done)s of %(count)s rated or skipped": [
  "%(done)s von %(count)s bewertet oder übersprungen",
  "%(done)s von %(count)s bewertet oder übersprungen"
 ],
 "%(duration)s left": "noch %(duration)s",
 "%(hours)s h": "%(hours)s h",
 "%(minutes)s min": "%(minutes)s min",
 "%(name)s is too large.": "%(name)s ist zu groß.",
 "%(number)s of %(count)s": "%(number)s von %(count)s",
 "%(option)s is allowed again, from the next batch on.": "%(option)s ist ab der nächsten Runde wieder erlaubt.",
 "%(option)s is banned, from the next batch on.": "%(option)s ist ab der nächsten Runde ausgeschlossen.",
 "%(option)s is pinned, from the next batch on.": "%(option)s ist ab der nächsten Runde festgelegt.",
 "%(rated)s rated, %(skipped)s skipped, %(left)s left": "%(rated)s bewertet, %(skipped)s übersprungen, %(left)s übrig",
 "%(rating)s for %(count)s picture": [
  "%(rating)s für %(count)s Bild",
  "%(rating)s für %(count)s Bilder"
 ],
 "%(seconds)s s": "%(seconds)s s",
 "%(title)s %(number)s: choose": "%(title)s %(number)s: wählen",
 "(nothing)": "(nichts)",
 "Adding picture %(number)s of %(count)s…": "Bild %(number)s von %(count)s wird hinzugefügt…",
 "Albums of %(count)s picture": [
  "Alben für %(count)s Bild",
  "Alben für %(count)s Bilder"
 ],
 "All ratings are saved.": "Alle Bewertungen sind gespeichert.",
 "Cancel": "Abbrechen",
 "Close": "Schließen",
 "Copied.": "Kopiert.",
 "Done": "Fertig",
 "Drawing and learning": "Generiert und lernt",
 "Everything drawn so far is kept.": "Alles bisher Generierte bleibt.",
 "Learning your taste and ranking the pictures…": "Dein Geschmack wird gelernt, und die Bilder werden geordnet…",
 "Learning your taste…": "Dein Geschmack wird gelernt…",
 "Loading the model and drawing the first batch…": "Das Modell wird geladen, die erste Runde generiert…",
 "Loading the model and reading what is there…": "Das Modell wird geladen, Vorhandenes wird gelesen…",
 "Looking for pictures…": "Bilder werden gesucht…",
 "Marked as not duplicates.": "Als keine Duplikate markiert.",
 "More of what I like": "Mehr, was mir gefällt",
 "More ratings would hardly help.": "Mehr Bewertungen würden kaum helfen.",
 "Move %(count)s file, with the text files beside it, to %(folder)s? This can be undone.": [
  "%(count)s Datei samt den Textdateien daneben nach %(folder)s verschieben? Das lässt sich rückgängig machen.",
  "%(count)s Dateien, exakte Kopien inbegriffen, samt den Textdateien daneben nach %(folder)s verschieben? Das lässt sich rückgängig machen."
 ],
 "Nothing is evaluated yet: Evaluate finds scores, suspected damage, near-duplicates, outliers and styles in the background.": "Noch nichts ist ausgewertet: „Auswerten“ findet im Hintergrund Scores, vermutete Schäden, Fast-Duplikate, Ausreißer und Stile.",
 "Nothing is evaluated yet: Evaluate finds the groups.": "Noch nichts ist ausgewertet: „Auswerten“ findet die Gruppen.",
 "Nothing to undo.": "Es gibt nichts rückgängig zu machen.",
 "Only %(count)s match, and an order needs at least %(fewest)s pictures: choose others.": "Nur %(count)s passend, eine Rangfolge braucht aber mindestens %(fewest)s Bilder: Wähle andere.",
 "Open %(title)s": "%(title)s öffnen",
 "Optimizing…": "Wird optimiert …",
 "Other pictures": "Andere Bilder",
 "Paused": "Angehalten",
 "Pausing after this batch": "Pause nach dieser Runde",
 "Pictures, best first": "Bilder, die besten zuerst",
 "Pictures, newest first": "Bilder, die neuesten zuerst",
 "Previous picture now rated %(stars)s.": "Voriges Bild jetzt mit %(stars)s bewertet.",
 "Scores by %(judge)s": "Scores: %(judge)s",
 "Scores by %(judges)s together, in standard deviations": "Scores: %(judges)s zusammen, in Standardabweichungen",
 "Select 2 to %(most)s pictures to compare.": "Wähle 2 bis %(most)s Bilder zum Vergleichen aus.",
 "Sort by the new scores": "Nach den neuen Scores sortieren",
 "Stopped": "Abgebrochen",
 "Tags of %(count)s picture": [
  "Schlagwörter für %(count)s Bild",
  "Schlagwörter für %(count)s Bilder"
 ],
 "Taste: %(sentence)s.": "Geschmack: %(sentence)s.",
 "That was the first picture.": "Das war das erste Bild.",
 "That was the last picture.": "Das war das letzte Bild.",
 "The browser does not allow this page to copy: select the text instead.": "Der Browser erlaubt dieser Seite das Kopieren nicht: Markiere den Text stattdessen.",
 "The findings are being read.": "Die Ergebnisse werden gelesen.",
 "The heat map did not arrive: show it once more.": "Die Heatmap ist nicht angekommen: Zeig sie noch einmal an.",
 "The order is clear": "Die Rangfolge steht",
 "The order so far": "Die Rangfolge bisher",
 "The previous picture has no rating to change.": "Das vorige Bild hat keine Bewertung, die sich ändern ließe.",
 "The server answered %(status)s.": "Der Server hat mit %(status)s geantwortet.",
 "The server does not answer: is it still running?": "Der Server antwortet nicht: Läuft er noch?",
 "The server stopped during this tune: nothing is lost, press Resume": "Der Server wurde während dieser Optimierung beendet: Nichts ist verloren, klicke auf „Fortsetzen“",
 "This collection has no pictures to rate yet.": "Diese Sammlung hat noch keine Bilder zum Bewerten.",
 "This picture is no longer in the collection.": "Dieses Bild ist nicht mehr in der Sammlung.",
 "This picture's file is gone: skipped.": "Die Datei dieses Bildes ist weg: übersprungen.",
 "This was undone already, or changed since.": "Das wurde schon rückgängig gemacht oder inzwischen geändert.",
 "Tune a prompt": "Einen Prompt optimieren",
 "Tuning “%(subject)s”, judged by %(judges)s": "Optimiert wird „%(subject)s“, beurteilt nach: %(judges)s",
 "Undo": "Rückgängig",
 "Undone: %(change)s.": "Rückgängig gemacht: %(change)s.",
 "View your taste": "Deinen Geschmack ansehen",
 "Working: the line at the top shows the progress.": "In Arbeit: Die Zeile ganz oben zeigt den Fortschritt.",
 "You can close this: it goes on in the background.": "Du kannst das schließen: Es läuft im Hintergrund weiter.",
 "You have changed the rating of %(count)s picture in another tab since: it stays.": [
  "Du hast inzwischen die Bewertung von %(count)s Bild in einem anderen Tab geändert: Sie bleibt.",
  "Du hast inzwischen die Bewertungen von %(count)s Bildern in einem anderen Tab geändert: Sie bleiben."
 ],
 "You have changed this in another tab since: %(rating)s stays.": "Du hast das inzwischen in einem anderen Tab geändert: %(rating)s bleibt.",
 "You have rated or skipped every picture.": "Du hast jedes Bild bewertet oder übersprungen.",
 "You marked this \"not for me\" in another tab; your latest choice (%(latest)s) counts.": "In einem anderen Tab war das „nichts für mich“; deine letzte Wahl (%(latest)s) gilt.",
 "You rated this %(stars)s in another tab; your latest choice (%(latest)s) counts.": "In einem anderen Tab hast du das mit %(stars)s bewertet; deine letzte Wahl (%(latest)s) gilt.",
 "You skipped this in another tab; your latest choice (%(latest)s) counts.": "In einem anderen Tab hast du das übersprungen; deine letzte Wahl (%(latest)s) gilt.",
 "Your optimized picture is in the collection, as the newest.": "Dein optimiertes Bild ist in der Sammlung, als neuestes.",
 "Your ratings are kept in this browser.": "Deine Bewertungen bleiben in diesem Browser.",
 "Your taste is learnt after a few good and bad ratings, or a few choices.": "Dein Geschmack wird nach einigen guten und schlechten Bewertungen oder einigen Entscheidungen gelernt.",
 "album “%(name)s”": "Album „%(name)s“",
 "better than %(share)s %% of the pictures": "besser als %(share)s %% der Bilder",
 "choice": "Entscheidung",
 "choice of keeper": "Wahl des Bildes, das bleibt",
 "copies of the best": "Kopien der besten",
 "favourite": "Favorit",
 "gone: %(title)s": "weg: %(title)s",
 "no rating": "keine Bewertung",
 "not duplicates": "keine Duplikate",
 "not for me": "nichts für mich",
 "pictures moved away": "weggelegte Bilder",
 "rated %(stars)s": "mit %(stars)s bewertet",
 "rating %(stars)s": "Bewertung %(stars)s",
 "skip": "überspringen",
 "skipped": "übersprungen",
 "strength %(strength)s ± %(deviation)s": "Stärke %(strength)s ± %(deviation)s",
 "tag “%(name)s”": "Schlagwort „%(name)s“",
 "· scores by %(judge)s": "· Scores: %(judge)s"
}};
