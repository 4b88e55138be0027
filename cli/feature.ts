export const addFeature = (): void => undefined;
