"""Pages in German, French, Spanish and Russian: simple sentences, enough to name the language."""

import numpy as np

_SENTENCES = {
    "de": (
        "Der alte Mann ging jeden Morgen über die Brücke und grüßte die Fischer am Ufer.",
        "In der kleinen Stadt gibt es eine Bäckerei, die schon seit hundert Jahren Brot backt.",
        "Die Kinder spielten im Garten, während ihre Mutter einen langen Brief schrieb.",
        "Niemand wusste, warum die Uhr am Kirchturm plötzlich stehen geblieben war.",
        "Wenn es im Herbst regnet, steigt der Fluss schnell und die Wiesen werden nass.",
        "Meine Schwester hat gestern ein Buch über die Geschichte der Eisenbahn gekauft.",
        "Das Wetter war so schön, dass wir den ganzen Tag im Wald verbracht haben.",
        "Er konnte sich nicht daran erinnern, wo er seinen Schlüssel gelassen hatte.",
    ),
    "fr": (
        "Le vieux pêcheur traversait la rivière chaque matin avant le lever du soleil.",
        "Dans cette petite ville, la boulangerie est ouverte depuis plus de cent ans.",
        "Les enfants jouaient dans le jardin pendant que leur mère écrivait une lettre.",
        "Personne ne savait pourquoi l'horloge de l'église s'était soudain arrêtée.",
        "Quand il pleut en automne, le fleuve monte vite et les champs sont inondés.",
        "Ma sœur a acheté hier un livre sur l'histoire des chemins de fer.",
        "Il faisait si beau que nous avons passé toute la journée dans la forêt.",
        "Il ne se souvenait plus de l'endroit où il avait laissé ses clés.",
    ),
    "es": (
        "El viejo pescador cruzaba el río todas las mañanas antes de que saliera el sol.",
        "En este pueblo pequeño hay una panadería que lleva más de cien años abierta.",
        "Los niños jugaban en el jardín mientras su madre escribía una carta muy larga.",
        "Nadie sabía por qué el reloj de la iglesia se había detenido de repente.",
        "Cuando llueve en otoño, el río crece deprisa y los campos se llenan de agua.",
        "Mi hermana compró ayer un libro sobre la historia del ferrocarril.",
        "Hacía tan buen tiempo que pasamos todo el día en el bosque.",
        "No podía recordar dónde había dejado las llaves de su casa.",
    ),
    "ru": (
        "Старый рыбак каждое утро переходил реку, пока не взошло солнце.",
        "В этом маленьком городе есть пекарня, которая работает уже сто лет.",
        "Дети играли в саду, пока их мать писала длинное письмо.",
        "Никто не знал, почему часы на башне вдруг остановились.",
        "Когда осенью идёт дождь, река быстро поднимается и заливает луга.",
        "Моя сестра вчера купила книгу об истории железных дорог.",
        "Погода была такой хорошей, что мы провели весь день в лесу.",
        "Он не мог вспомнить, где оставил свои ключи.",
    ),
}


def foreign_text(rng: np.random.Generator) -> str:
    """Draw a page in one of four languages: eight sentences in a random order.

    Args:
        rng: Draws the language and the order.

    Returns:
        The text.
    """
    lines = list(_SENTENCES.values())[rng.integers(len(_SENTENCES))]
    number = int(rng.integers(1000, 9999))
    order = rng.permutation(len(lines))
    return f"{number}\n\n" + " ".join(lines[index] for index in order)
